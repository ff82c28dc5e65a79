import { styleText } from 'node:util';

/** The terminal styles of each tone. */
const STYLES = {
  good: 'green',
  warn: 'yellow',
  bad: 'red',
  quiet: 'dim',
  strong: 'bold',
} as const;
export type Tone = keyof typeof STYLES;

/** Applies the style of a tone to text. */
export type Paint = (tone: Tone | undefined, text: string) => string;

/** With colours, or without any. */
export function painter(colour: boolean): Paint {
  return (tone, text) =>
    colour && tone !== undefined ? styleText(STYLES[tone], text, { validateStream: false }) : text;
}
