/**
 * A certificate for `localhost` and 127.0.0.1, signed by itself and valid until 2126, which a Redis and its clients both show in the tests.
 * It guards nothing: nobody else trusts it.
 */
export const REDIS_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBrjCCAVOgAwIBAgIUAaP5t33iEcU9Hm7FA+oTIbKq9jUwCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwScmVkaXMuZXhhbXBsZS50ZXN0MCAXDTI2MTEyNjIyMzg1MVoY
DzIxMjYxMTAyMjIzODUxWjAdMRswGQYDVQQDDBJyZWRpcy5leGFtcGxlLnRlc3Qw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQuVAbJZIqopFQuPuchjh9nLGz6HCdB
At59+Y6woy9A4rmCx2RuYAXctTF1Bh03t+HAp1zPaGsdMOWWnoq4dyl3o28wbTAd
BgNVHQ4EFgQUwJ2XLMU1FXCkbG/JUd6mI1twsNkwHwYDVR0jBBgwFoAUwJ2XLMU1
FXCkbG/JUd6mI1twsNkwDwYDVR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2Nh
bGhvc3SHBH8AAAEwCgYIKoZIzj0EAwIDSQAwRgIhAPdSx/lxBsNmWp0JChY1lwuL
UpscyUxy2My0tAq4o0jDAiEAmwEBTtzRlaxNLvCGjoSIYYPhSnS39i0AOuTmUbvK
wEg=
-----END CERTIFICATE-----
`;

export const REDIS_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVd5lD6Vp7c/xkhBa
GIju9gm6FaBudsBDSAXAKfGj/G6hRANCAAQuVAbJZIqopFQuPuchjh9nLGz6HCdB
At59+Y6woy9A4rmCx2RuYAXctTF1Bh03t+HAp1zPaGsdMOWWnoq4dyl3
-----END PRIVATE KEY-----
`;
