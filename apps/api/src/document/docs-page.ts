import { createRequire } from 'node:module';
import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';
import { STYLE } from './docs-style.ts';
import { sendFile } from './send-file.ts';

const CSS = 'text/css; charset=utf-8';
const SCRIPT = 'application/javascript; charset=utf-8';

/** Files of Swagger UI. The plugin that contains them is not loaded: it would make the document again, and takes 5 MB. */
const FILES: Readonly<Record<string, string>> = {
  'swagger-ui.css': CSS,
  'index.css': CSS,
  'swagger-ui-bundle.js': SCRIPT,
  'favicon-16x16.png': 'image/png',
  'favicon-32x32.png': 'image/png',
};

const { resolve } = createRequire(import.meta.url);

/**
 * Serves `/docs`, or the same below another path: the document beside it as a page on which a developer sets the credentials and sends the example. The page
 * loads everything from this process, and its content security policy permits nothing else.
 */
export async function docsPage(
  app: FastifyInstance,
  { at, title }: { at: `${string}/docs`; title: string },
): Promise<void> {
  await app.register(async (scope) => {
    await scope.register(helmet, {
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          scriptSrc: ["'self'"],
          // Swagger UI writes style attributes and shows its icons from data: addresses.
          styleSrc: ["'self'", "'unsafe-inline'"],
          imgSrc: ["'self'", 'data:'],
          fontSrc: ["'self'"],
          connectSrc: ["'self'"],
          baseUri: ["'none'"],
          formAction: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
      // The proxy that ends TLS sets it; over plain HTTP, as on a laptop, it has no effect.
      strictTransportSecurity: false,
    });
    const schema = { hide: true };
    const text = (url: string, type: string, body: string) =>
      scope.get(url, { schema }, (_request, reply) => reply.type(type).send(body));
    // Addresses on the page are relative to it, so that a proxy may put the service below a path.
    text(at, 'text/html; charset=utf-8', page('docs', title));
    text(`${at}/`, 'text/html; charset=utf-8', page('.', title));
    text(`${at}/static/page.css`, CSS, STYLE);
    text(`${at}/static/start.js`, SCRIPT, START);
    for (const [name, type] of Object.entries(FILES)) {
      const path = resolve(`@fastify/swagger-ui/static/${name}`);
      scope.get(`${at}/static/${name}`, { schema }, (_request, reply) => sendFile(reply, { path, type }));
    }
  });
}

const page = (folder: string, title: string): string => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="${folder}/static/swagger-ui.css">
<link rel="stylesheet" href="${folder}/static/index.css">
<link rel="stylesheet" href="${folder}/static/page.css">
<link rel="icon" type="image/png" href="${folder}/static/favicon-32x32.png" sizes="32x32">
<link rel="icon" type="image/png" href="${folder}/static/favicon-16x16.png" sizes="16x16">
</head>
<body>
<div id="swagger-ui"></div>
<script src="${folder}/static/swagger-ui-bundle.js"></script>
<script src="${folder}/static/start.js"></script>
</body>
</html>
`;

/** Without `layout` it would have a bar that loads documents from other servers. Credentials are in no storage of the browser. */
const START = `
SwaggerUIBundle({
  url: new URL('../../openapi.json', document.currentScript.src).href,
  dom_id: '#swagger-ui',
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
  deepLinking: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
`;
