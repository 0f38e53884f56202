#!/usr/bin/env node
/** The `gantry` command line. */
import { processIo } from '../cli/io.ts';
import { runProgram } from '../cli/program.ts';

process.exit(await runProgram(process.argv.slice(2), processIo()));
