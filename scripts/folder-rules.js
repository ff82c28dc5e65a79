/** No cycle of folders. Tests are left out: a test beside its file uses what test/ has for all of them. */
import importRules from './import-rules.js';

export default {
  forbidden: [
    {
      name: 'no-folder-cycles',
      comment: 'A cycle of folders is one concern that pretends to be two.',
      severity: 'error',
      scope: 'folder',
      from: { path: '^packages/', pathNot: '^packages/fake-openrouter/' }, // its state is one object that every part shares
      to: { circular: true },
    },
  ],
  options: { ...importRules.options, exclude: { path: '(\\.test\\.tsx?$|^packages/[^/]+/test/)' } },
};
