export { plain } from '@openrouter-proxy/runtime';
