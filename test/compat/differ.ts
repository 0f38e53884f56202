/** Where two documents differ: one line for each place. */
import type { Json } from './normalize.ts';

export interface Difference {
  /** The scenario, the label and the way to the place, as `scenario/label.Field.Field`. */
  place: string;
  docker: string;
  gantry: string;
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: Json | undefined): string {
  return value === undefined ? '(absent)' : JSON.stringify(value);
}

export function differences(place: string, docker: Json | undefined, gantry: Json | undefined): Difference[] {
  if (isObject(docker) && isObject(gantry)) {
    const keys = [...new Set([...Object.keys(docker), ...Object.keys(gantry)])];
    return keys.flatMap((key) => differences(`${place}.${key}`, docker[key], gantry[key]));
  }
  if (Array.isArray(docker) && Array.isArray(gantry) && docker.length === gantry.length)
    return docker.flatMap((item, index) => differences(`${place}[${index}]`, item, gantry[index]));
  if (shown(docker) === shown(gantry)) return [];
  return [{ place, docker: shown(docker), gantry: shown(gantry) }];
}
