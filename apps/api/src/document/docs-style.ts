/** Swagger UI's tables are made for wide windows; on a phone their cells are put one below the other. */
export const STYLE = `
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
