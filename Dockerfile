# One image for every app: api, worker, migrate, seed, and the demo's sandbox and inbox. The command decides which.

# Only the files that pnpm needs, without source: packages are installed again only when a package.json changes.
FROM node:24-bookworm-slim AS manifests
RUN npm install --global --no-fund --no-audit pnpm@12.21.0
ENV CI=true
WORKDIR /app
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY apps/api/package.json apps/api/
COPY apps/cli/package.json apps/cli/
COPY apps/emr-sandbox/package.json apps/emr-sandbox/
COPY apps/webhook-inbox/package.json apps/webhook-inbox/
COPY apps/worker/package.json apps/worker/
COPY packages/client/package.json packages/client/
COPY packages/contracts/package.json packages/contracts/
COPY packages/db/package.json packages/db/
COPY packages/emr/package.json packages/emr/
COPY packages/outbound/package.json packages/outbound/
COPY packages/operations/package.json packages/operations/
COPY packages/runtime/package.json packages/runtime/
COPY packages/stack/package.json packages/stack/
COPY packages/testkit/package.json packages/testkit/
COPY packages/webhooks/package.json packages/webhooks/

# Generates the database client from the schema. Prisma's tools do not leave this stage.
FROM manifests AS generated
ENV PRISMA_SCHEMA_ENGINE_BINARY=/bin/true CHECKPOINT_DISABLE=1
RUN pnpm install --frozen-lockfile --filter emr-payments
COPY prisma.config.ts ./
COPY prisma/schema.prisma prisma/
RUN node_modules/.bin/prisma generate --no-hints

# Makes the files that run (docs/decisions/0029-built-apps.md). The bundler's program is an optional package, which stays in this stage.
FROM manifests AS built
RUN pnpm install --frozen-lockfile --prod
COPY apps apps
COPY packages packages
COPY --from=generated /app/packages/db/src/generated packages/db/src/generated
RUN node packages/stack/src/build.ts

# The production dependencies. Optional packages are binaries for development machines; Prisma contains query compilers for
# databases that we do not use, and of each a large one. All of these are left out.
FROM manifests AS installed
RUN pnpm install --frozen-lockfile --prod --no-optional \
 && find node_modules/.pnpm/@prisma+client@* -name 'query_compiler_*' ! -name 'query_compiler_small_bg.postgresql.*' -delete \
 && find node_modules \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
COPY apps apps
COPY packages packages
COPY prisma prisma
COPY docs/openapi.json docs/operator-openapi.json docs/
COPY --from=generated /app/packages/db/src/generated packages/db/src/generated

FROM node:24-bookworm-slim
# Keeps the processes small: packages/stack/src/apps/small-process.ts has the reasons.
ENV NODE_ENV=production TZ=UTC \
    NODE_OPTIONS="--max-semi-space-size=4 --max-old-space-size=256" \
    MALLOC_ARENA_MAX=2
WORKDIR /app
COPY --from=installed /app ./
COPY --from=built /app/dist dist
# New volumes that are mounted here belong to the account that writes to them.
RUN mkdir -p /data /demo && chown node:node /data /demo
# The account `node`, as a number: Kubernetes' `runAsNonRoot` cannot look up a name.
USER 1000
# The apps differ in how their health is asked, so whoever starts them says how.
HEALTHCHECK NONE
ARG VERSION=development REVISION= SOURCE=
LABEL org.opencontainers.image.title="emr-payments" \
      org.opencontainers.image.description="Posts patient payments to EMRs exactly once" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE"
CMD ["node", "dist/api.js"]
