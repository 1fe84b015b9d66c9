#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// A quarter of a short command's processor time is the compilation of its modules. Where this account may not write, as in the image, Node
// goes on without it.
enableCompileCache(join(import.meta.dirname, '..', '..', '..', 'node_modules', '.cache', 'compiled'));

// Imported here and not at the top, because modules that are loaded before are not kept.
const { runCommandLine } = await import('./command-line.ts');
const { openTerminal } = await import('./terminal.ts');

const { terminal, exitCode } = openTerminal();
process.exitCode = exitCode(await runCommandLine({ terminal }, { argv: process.argv.slice(2) }));
