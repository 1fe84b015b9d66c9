/**
 * A certificate for `hooks.example.test`, signed by itself and valid until 2126. It guards nothing: the key is here for
 * the tests' own TLS server on the loopback address, and nobody else trusts it.
 */
export const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBsTCCAVagAwIBAgIUXLExmcpEq+/BYVvrrJHOU46rgPAwCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSaG9va3MuZXhhbXBsZS50ZXN0MCAXDTI2MTEyMzE1NDE0MFoY
DzIxMjYxMDMwMTU0MTQwWjAdMRswGQYDVQQDDBJob29rcy5leGFtcGxlLnRlc3Qw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATB+sEbdJ5cWMPK1RfeBdtX58pcsQJ4
WbjCRdbOZQACY5pbCuiTVUSIdhCFHbNkFGBmiAfwdBs9sZ66/z8CL02ro3IwcDAd
BgNVHQ4EFgQUYYzbQFQEPAhsnlHBZFoqq/Cj+W4wHwYDVR0jBBgwFoAUYYzbQFQE
PAhsnlHBZFoqq/Cj+W4wDwYDVR0TAQH/BAUwAwEB/zAdBgNVHREEFjAUghJob29r
cy5leGFtcGxlLnRlc3QwCgYIKoZIzj0EAwIDSQAwRgIhAK4Qz/dxcDw56Sma8gRV
5oshVCc5M8S2BDH3iw+7STRNAiEAyBMhMitT58dPxLVqD2/CDxG0Ka2w30Z7aGcT
ll3wD/U=
-----END CERTIFICATE-----
`;

export const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgImnIZsnmb2syhj0C
qCOCybVVeiyfZ+ZVIctpdGUfZNKhRANCAATB+sEbdJ5cWMPK1RfeBdtX58pcsQJ4
WbjCRdbOZQACY5pbCuiTVUSIdhCFHbNkFGBmiAfwdBs9sZ66/z8CL02r
-----END PRIVATE KEY-----
`;
