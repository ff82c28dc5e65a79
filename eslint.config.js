import tseslint from 'typescript-eslint';

const EXPORTS = [
  {
    selector: 'ExportAllDeclaration',
    message: 'Name what a module offers: `export *` hides it from the reader.',
  },
  {
    selector: 'ExportDefaultDeclaration',
    message: 'Export by name, so that a thing is called the same everywhere.',
  },
];

const NO_LIMIT =
  'vitest.config.ts sets the limits of all tests. A limit here fails on a slow machine.';
/** A test waits for an event as long as it takes. */
const LIMITS_OF_TESTS = [
  {
    selector:
      'CallExpression[callee.property.name=/^(poll|waitFor)$/] Property[key.name="timeout"]',
    message: NO_LIMIT,
  },
  {
    selector:
      'CallExpression:matches([callee.name=/^(it|test|describe)$/], [callee.callee.property.name="each"]) > ObjectExpression > Property[key.name="timeout"][value.type="Literal"]',
    message: NO_LIMIT,
  },
  {
    selector: 'CallExpression[callee.name=/^(before|after)(All|Each)$/] > Literal',
    message: NO_LIMIT,
  },
];

/** Tests of a package start its own programs at most; those of the whole product are in end-to-end. */
const PROGRAMS_OF_OTHERS = {
  selector: 'Literal[value=/\\bdist\\u002F(launcher|cli)\\.js/]',
  message: 'A test that starts the whole product belongs to packages/end-to-end.',
};

export default tseslint.config(
  // The programs import packages that `npm run clients` installs elsewhere.
  { ignores: ['dist/**', 'coverage/**', 'scripts/clients/programs/**'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './packages/dashboard/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: true },
      ],
      'no-restricted-syntax': ['error', ...EXPORTS],
      complexity: ['error', 12],
    },
  },
  {
    files: ['**/src/**/*.{ts,tsx}'],
    ignores: ['**/*.test.ts'],
    rules: {
      'max-lines': ['error', { max: 250, skipComments: true, skipBlankLines: true }],
      'max-lines-per-function': ['error', { max: 40, skipComments: true, skipBlankLines: true }],
    },
  },
  {
    files: ['packages/*/test/**/*.ts', 'packages/*/src/**/*.test.ts'],
    rules: { 'no-restricted-syntax': ['error', ...EXPORTS, ...LIMITS_OF_TESTS] },
  },
  {
    files: ['packages/*/test/**/*.ts', 'packages/*/src/**/*.test.ts'],
    ignores: ['packages/end-to-end/**', '**/installation.test.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...EXPORTS, ...LIMITS_OF_TESTS, PROGRAMS_OF_OTHERS],
    },
  },
  {
    files: ['**/*.config.{js,ts}', 'scripts/*-rules.js'],
    ...tseslint.configs.disableTypeChecked,
    rules: { ...tseslint.configs.disableTypeChecked.rules, 'no-restricted-syntax': 'off' },
  },
);
