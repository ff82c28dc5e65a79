/** The baseline: express and http-proxy-3 as their READMEs have it. Arguments: port, target. */
import { Agent, createServer } from 'node:http';
import express from 'express';
import { createProxyServer } from 'http-proxy-3';

const [port, target] = process.argv.slice(2);
const proxy = createProxyServer({ target: String(target), agent: new Agent({ keepAlive: true }) });
const app = express();
app.disable('x-powered-by');
app.use((request, response) => proxy.web(request, response));
createServer(app).listen(Number(port), '127.0.0.1');
