import helmet from '@fastify/helmet';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/**
 * Serves `/docs`: the document as a page on which a developer sets the three headers and sends the example. The page
 * loads everything from this process, and its content security policy permits nothing else.
 */
export async function docsPage(app: FastifyInstance): Promise<void> {
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
    scope.addHook('onSend', addViewport);
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      theme: { title: 'EMR Payments API', css: [{ filename: 'page.css', content: STYLE }] },
      uiConfig: {
        // Leaves out the bar that loads documents from other servers.
        layout: 'BaseLayout',
        deepLinking: true,
        // Credentials that a developer enters are in no storage of the browser.
        persistAuthorization: false,
        tryItOutEnabled: true,
        displayRequestDuration: true,
        defaultModelsExpandDepth: 0,
      },
    });
  });
}

/** Swagger UI's page has no viewport, so a phone would lay it out 980 px wide; the plugin has no option for one. */
async function addViewport(
  _request: FastifyRequest,
  _reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  return typeof payload === 'string' && payload.includes('<title>')
    ? payload.replace(
        '<title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n      <title>',
      )
    : payload;
}

/** Swagger UI's tables are made for wide windows; on a phone their cells are put one below the other. */
const STYLE = `
.swagger-ui .response-col_links { display: none; }
.swagger-ui .info { margin: 24px 0; }
.swagger-ui .scheme-container { padding: 16px 0; }
@media (max-width: 640px) {
  .swagger-ui .wrapper { padding: 0 12px; }
  .swagger-ui .opblock .opblock-summary { flex-wrap: wrap; }
  .swagger-ui .opblock-tag small { display: none; }
  .swagger-ui .opblock-description-wrapper, .swagger-ui .opblock-section-header { padding: 10px 12px; }
  .swagger-ui .table-container, .swagger-ui .responses-inner { padding: 10px 12px; }
  .swagger-ui table.parameters > thead, .swagger-ui table.responses-table > thead { display: none; }
  .swagger-ui table.parameters, .swagger-ui table.parameters > tbody,
  .swagger-ui table.responses-table, .swagger-ui table.responses-table > tbody { display: block; }
  .swagger-ui table.parameters > tbody > tr,
  .swagger-ui table.responses-table > tbody > tr { display: flex; flex-direction: column; padding: 8px 0; }
  .swagger-ui table.parameters > tbody > tr > td,
  .swagger-ui table.responses-table > tbody > tr > td { display: block; width: auto; max-width: 100%; padding: 2px 0; }
  .swagger-ui table.responses-table .response-col_status { font-weight: 700; }
  .swagger-ui .parameters-col_description input[type='text'] { max-width: 100%; }
  .swagger-ui select { max-width: 100%; }
  .swagger-ui .highlight-code, .swagger-ui .microlight { max-width: 100%; overflow-x: auto; }
  .swagger-ui .response-col_description table.headers { display: block; overflow-x: auto; }
  .swagger-ui .request-url pre, .swagger-ui .curl { overflow-wrap: anywhere; }
  .swagger-ui .dialog-ux .modal-ux { min-width: 0; width: 96vw; max-width: 96vw; }
  .swagger-ui .auth-container input[type='text'] { width: 100%; min-width: 0; }
}
`;
