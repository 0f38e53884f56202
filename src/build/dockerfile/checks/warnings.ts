/** What the checks find. */
import type { NodeBase, SourceRange } from '../ast.ts';
import { type CheckOptions, isOn, withComments } from './check-directive.ts';
import { type RuleName, rules } from './rules.ts';

export interface CheckWarning {
  rule: RuleName;
  /** What the rule is about, and where it is explained. */
  description: string;
  url: string | undefined;
  /** What was found. */
  message: string;
  ranges: readonly SourceRange[];
}

/** `Rule: message (line N)`: the line that Docker's clients print. */
export function formatWarning({ rule, message, ranges }: CheckWarning): string {
  const line = ranges[0]?.start.line;
  return `${rule}: ${message}${line === undefined ? '' : ` (line ${line})`}`;
}

/** Gathers warnings, leaving out what is turned off for the file or at one instruction. */
export class WarningList {
  private readonly found: CheckWarning[] = [];
  private readonly options: CheckOptions;

  constructor(options: CheckOptions) {
    this.options = options;
  }

  /** At an instruction, or anywhere. */
  add(rule: RuleName, message: string, at: NodeBase | SourceRange): void {
    const options = 'range' in at ? withComments(this.options, at.comments) : this.options;
    if (!isOn(options, rule)) return;
    const { description, url } = rules[rule];
    this.found.push({ rule, description, url, message, ranges: ['range' in at ? at.range : at] });
  }

  /** In the order of the file. */
  get all(): CheckWarning[] {
    return this.found.toSorted((a, b) => lineOf(a) - lineOf(b));
  }
}

function lineOf({ ranges }: CheckWarning): number {
  return ranges[0]?.start.line ?? 0;
}
