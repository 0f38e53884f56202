/** The distribution specification over the storage on this host. */
import { serveRegistry } from '../support/registry-parts.ts';
import { runConformance } from './conformance/run-conformance.ts';

runConformance('the file system', () => serveRegistry());
