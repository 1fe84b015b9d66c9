-- A FHIR server publishes where persons log in: its application has no addresses of its own. The table is small, and no row changes.
ALTER TABLE "oauth_applications" ALTER COLUMN "authorize_url" DROP NOT NULL, ALTER COLUMN "token_url" DROP NOT NULL;
