import { FormatRegistry } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { expect, test } from 'vitest';
import {
  ConnectionBrokenEventSchema,
  ConnectionRestoredEventSchema,
  connectionBrokenEvent,
  connectionRestoredEvent,
  UserConnectedEventSchema,
  userConnectedEvent,
} from './connection-events.ts';
import { sentence } from './our-sentence.ts';
import { CURRENT_API_VERSION, payloadFor } from './payload-versions.ts';

FormatRegistry.Set('date-time', (text) => !Number.isNaN(Date.parse(text)));

const common = {
  eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9ga',
  userPublicId: 'user_1J9X2q2eZvKYlo2Cxyz',
  created: new Date('2026-06-15T10:46:00.500Z'),
};
const trouble = {
  code: 'unauthorized',
  reason: sentence`The EMR rejected our credentials.`,
  since: common.created,
};
const broken = connectionBrokenEvent({ ...common, ...trouble, state: 'login_required', sequence: 3 });

test('connection.broken has the published envelope, the user and no job', () => {
  expect(JSON.stringify(broken)).toBe(
    '{"id":"evt_1J9X2q2eZvKYlo2CluR9g9ga","access_token_reference_id":"user_1J9X2q2eZvKYlo2Cxyz","object":"event",' +
      '"created":"2026-06-15T10:46:00Z","type":"connection.broken","job_id":null,"data":{"state":"login_required",' +
      '"code":"unauthorized","reason":"The EMR rejected our credentials.","since":"2026-06-15T10:46:00.500Z","sequence":3}}',
  );
  const { data } = ConnectionBrokenEventSchema.properties;
  expect(Value.Check(data, broken.data)).toBe(true);
  expect(Value.Check(data, { ...broken.data, sequence: 0 })).toBe(false);
});

test('connection.restored and user.connected fit their schemas', () => {
  const restored = connectionRestoredEvent({ ...common, ...trouble, sequence: 4 });
  expect(restored.data).toMatchObject({ state: 'connected', code: 'unauthorized', sequence: 4 });
  expect(Value.Check(ConnectionRestoredEventSchema.properties.data, restored.data)).toBe(true);
  const connected = userConnectedEvent({ ...common, connectSessionId: 'cs_1' });
  expect(connected.data).toEqual({ user_id: common.userPublicId, connect_session_id: 'cs_1' });
  expect(Value.Check(UserConnectedEventSchema.properties.data, connected.data)).toBe(true);
});

test('a thin event about a user and no payment names the user, whose events its sequence orders', () => {
  const thin = payloadFor({ apiVersion: CURRENT_API_VERSION, thin: true, body: JSON.stringify(broken) });
  expect(JSON.parse(thin)).toEqual({
    id: common.eventId,
    type: 'connection.broken',
    created: '2026-06-15T10:46:00Z',
    payment_id: null,
    sequence: 3,
    access_token_reference_id: common.userPublicId,
  });
});
