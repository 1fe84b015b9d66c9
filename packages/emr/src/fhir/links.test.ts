import { expect, test } from 'vitest';
import { pathOfLink } from './links.ts';

const follow = (baseUrl: string, url: string) => pathOfLink(baseUrl, { url, from: 'Location?_count=200' });
const TLS = 'https://emr.test/fhir';

test.each([
  [TLS, 'https://emr.test/fhir?_getpages=7', '?_getpages=7'],
  [TLS, 'https://emr.test/fhir/Location?page=2', 'Location?page=2'],
  [TLS, 'http://emr.test/fhir?_getpages=7', '?_getpages=7'],
  [TLS, 'http://emr.test:80/fhir/Location?page=2', 'Location?page=2'],
  [TLS, 'http://emr.test:443/fhir/Location?page=2', 'Location?page=2'],
  [TLS, 'HTTP://EMR.test/fhir/Location?page=2', 'Location?page=2'],
  ['https://emr.test:8443/fhir', 'http://emr.test:8443/fhir/Location?page=2', 'Location?page=2'],
  ['http://emr.test/fhir', 'https://emr.test/fhir/Location?page=2', 'Location?page=2'],
  [TLS, '?page=2', 'Location?page=2'],
  [TLS, 'Location?page=2', 'Location?page=2'],
  [TLS, '//emr.test/fhir/Location?page=2', 'Location?page=2'],
])('at %s the link %s leads to %s', (baseUrl, url, path) => {
  expect(follow(baseUrl, url)).toBe(path);
});

test.each([
  [TLS, 'http://other.test/fhir/Location?page=2'],
  [TLS, 'http://emr.test:8080/fhir/Location?page=2'],
  [TLS, 'https://emr.test:8443/fhir/Location?page=2'],
  [TLS, 'http://emr.test/other/Location?page=2'],
  [TLS, 'ftp://emr.test/fhir/Location?page=2'],
  [TLS, 'http://emr.test@other.test/fhir/Location'],
  [TLS, 'https://emr.test/fhir/../admin?x=1'],
  [TLS, 'https://emr.test/fhirx?page=2'],
  [TLS, 'http://['],
])('at %s the link %s leads nowhere', (baseUrl, url) => {
  expect(follow(baseUrl, url)).toBeNull();
});
