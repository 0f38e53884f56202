/** The registry's HTTP side against the distribution specification. */
import { serveRegistry } from '../support/registry-parts.ts';
import { runConformance } from './conformance/run-conformance.ts';

runConformance('memory', () => serveRegistry());
