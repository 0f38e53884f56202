/** What completion offers. */

export interface Candidate {
  text: string;
  description?: string;
}

/** Stands among the candidates where names of files may follow too. */
export const files: Candidate = { text: ':files' };

export function words(...texts: string[]): Candidate[] {
  return texts.map((text) => ({ text }));
}

/** `text` with what is said of it. */
export function described(text: string, description: string): Candidate {
  return { text, description };
}
