#!/usr/bin/env node
import { runCommandLine } from './command-line.ts';

process.exitCode = await runCommandLine({ terminal: process }, { argv: process.argv.slice(2) });
