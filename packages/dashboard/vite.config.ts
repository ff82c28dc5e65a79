import { defineConfig } from 'vite';

/**
 * The browser's half of the page. File names carry a hash of their content, so that a browser may
 * keep them for ever.
 */
export default defineConfig({
  root: import.meta.dirname,
  base: '/metrics/assets/',
  publicDir: false,
  logLevel: 'warn',
  build: {
    outDir: 'dist/assets',
    assetsDir: '',
    emptyOutDir: true,
    modulePreload: false,
    target: 'es2022',
    rollupOptions: {
      input: ['src/browser/main.tsx', 'src/style/page.css'],
    },
  },
});
