import type { YAMLError } from 'yaml';

/** Replaces the parser's messages, which quote the text and so may quote a secret. */
const TEXTS: Readonly<Record<YAMLError['code'], string>> = {
  ALIAS_PROPS: 'an alias (`*name`) cannot have an anchor or a tag',
  BAD_ALIAS: 'this alias has no anchor: put a text that begins with `*` or `&` in quotes',
  BAD_COLLECTION_TYPE: 'this tag (`!name`) does not fit what follows',
  BAD_DIRECTIVE: 'a line that begins with `%` is a directive, and this one is unknown',
  BAD_DQ_ESCAPE:
    'unknown escape in double quotes: write `\\\\` for a backslash, or use single quotes',
  BAD_INDENT: 'wrong indentation: entries of one mapping or list must begin in the same column',
  BAD_PROP_ORDER: 'an anchor or tag cannot stand here',
  BAD_SCALAR_START: 'put a text that begins with a special character in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second `:` on the line: put a text that holds `: ` in quotes',
  BLOCK_IN_FLOW: 'an indented list or mapping cannot stand inside `[…]` or `{…}`',
  DUPLICATE_KEY: 'this key stands in the same mapping before',
  IMPOSSIBLE: 'this cannot be read as YAML',
  KEY_OVER_1024_CHARS: 'a key cannot have more than 1024 characters',
  MISSING_CHAR: 'a quote, bracket, comma, colon or space is missing',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line, with `:` after it',
  MULTIPLE_ANCHORS: 'there can be only one anchor',
  MULTIPLE_DOCS: 'a second document (`---`) begins: there can be only one',
  MULTIPLE_TAGS: 'there can be only one tag',
  NON_STRING_KEY: 'a key must be a plain word',
  RESOURCE_EXHAUSTION: 'the text is nested too deeply',
  TAB_AS_INDENT: 'a tab: indent with spaces',
  TAG_RESOLVE_FAILED: 'unknown tag: put a text that begins with `!` in quotes',
  UNEXPECTED_TOKEN: 'this cannot stand here: is something before it not finished?',
};

/** The error in words for the author of the file. It quotes nothing of the file. */
export const describeYamlError = (code: YAMLError['code']): string => TEXTS[code];
