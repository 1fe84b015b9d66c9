import { expect, test } from 'vitest';
import { ID_PATTERN, idIn } from './entry-id.ts';

const LONG = `p-${'x'.repeat(298)}`;

test.each([
  ['http://emr.test/fhir/PaymentReconciliation/13969262', '13969262'],
  ['http://emr.test/fhir/PaymentReconciliation/13969262/_history/1', '13969262'],
  ['/fhir/PaymentReconciliation/13969262/', '13969262'],
  ['PaymentReconciliation/13969262', '13969262'],
  ['./PaymentReconciliation/13969262/_history/W%2F1', '13969262'],
  ['https://emr.test/fhir/PaymentReconciliation/13969262?_format=json', '13969262'],
  ['https://emr.test/fhir/PaymentReconciliation/13969262/_history/2?_pretty=true#top', '13969262'],
  ['PaymentReconciliation/pay_1', 'pay_1'],
  [
    'PaymentReconciliation/urn:uuid:6f1f3a5e-9c5e-4d2f-8b7a-2f9f6d1f0c11',
    'urn:uuid:6f1f3a5e-9c5e-4d2f-8b7a-2f9f6d1f0c11',
  ],
  ['PaymentReconciliation/urn%3Auuid%3A6f1f3a5e', 'urn:uuid:6f1f3a5e'],
  ['PaymentReconciliation/a%2Fb%3Fc', 'a/b?c'],
  ['PaymentReconciliation/100%', '100%'],
  [`PaymentReconciliation/${LONG}`, LONG],
  ['https://emr.test/PaymentReconciliation/fhir/PaymentReconciliation/7', '7'],
])('%s names %s', (url, id) => {
  expect(idIn('PaymentReconciliation', url)).toBe(id);
});

test.each([
  [undefined],
  [''],
  ['http://emr.test/fhir/Task/5'],
  ['http://emr.test/fhir/PaymentReconciliation'],
  ['http://emr.test/fhir/PaymentReconciliation/'],
  ['http://emr.test/fhir/PaymentReconciliation/_history/1'],
  ['http://emr.test/fhir/PaymentReconciliation/$process'],
  ['http://emr.test/fhir/PaymentReconciliation?identifier=a|b'],
  ['http://emr.test/fhir/Task/5?of=PaymentReconciliation/7'],
  ['PaymentReconciliation/a%00b'],
  ['PaymentReconciliation/%20'],
  [`PaymentReconciliation/${'x'.repeat(1001)}`],
])('%s names no entry', (url) => {
  expect(idIn('PaymentReconciliation', url)).toBeUndefined();
});

test('text that cannot be stored is no id', () => {
  const pattern = new RegExp(ID_PATTERN);
  expect(['a\u0000b', '\ud83d', ' ', '', 'a\nb'].filter((text) => pattern.test(text))).toEqual([]);
  expect(['😀', 'a b', 'é'].every((text) => pattern.test(text))).toBe(true);
});
