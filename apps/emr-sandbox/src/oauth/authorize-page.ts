import type { Fields } from './authorize-request.ts';

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const page = (title: string, body: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${escaped(title)}</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/page.css" />
  </head>
  <body>
    <main class="login">
${body}
    </main>
  </body>
</html>
`;

/** The page that says why nobody can be sent back. */
export const problemPage = (title: string, problem: string): string =>
  page(title, `      <h1>${escaped(title)}</h1>\n      <p role="alert">${escaped(problem)}</p>`);

/**
 * The page on which a person logs in and decides. The request's own fields come back with the form.
 *
 * @param input.problem what was wrong with the form that came before.
 */
export function decisionPage({
  title,
  application,
  scopes,
  fields,
  problem,
}: {
  title: string;
  application: string;
  scopes: readonly string[];
  fields: Fields;
  problem?: string | undefined;
}): string {
  const hidden = Object.entries(fields).map(
    ([name, value]) => `        <input type="hidden" name="${escaped(name)}" value="${escaped(value)}" />`,
  );
  return page(
    title,
    `      <h1>${escaped(title)}</h1>
      <p>The application <strong>${escaped(application)}</strong> asks for:</p>
      <ul>${scopes.map((scope) => `<li><code>${escaped(scope)}</code></li>`).join('')}</ul>
${problem === undefined ? '' : `      <p role="alert">${escaped(problem)}</p>`}
      <form method="post">
${hidden.join('\n')}
        <p><label for="username">User name</label><br /><input id="username" name="username" autocomplete="username" required /></p>
        <p><label for="password">Password</label><br /><input id="password" name="password" type="password" autocomplete="current-password" required /></p>
        <p>
          <button name="decision" value="allow">Allow</button>
          <button name="decision" value="deny" formnovalidate>Deny</button>
        </p>
      </form>`,
  );
}
