/*
 * Gives `navigator.language` a valid BCP 47 tag. Some browsers report their POSIX locale there
 * (`en-US@posix`, `c`); `Intl` rejects it, and uPlot passes it to `Intl` while it loads. The page's own
 * texts do not depend on the language. Imported before every other module.
 */
if (!isValidTag(navigator.language)) {
  Object.defineProperty(navigator, 'language', { value: 'en', configurable: true });
}

function isValidTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length > 0;
  } catch {
    return false;
  }
}
