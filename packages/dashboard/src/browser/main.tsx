import './valid-language.ts'; // before uPlot
import { hydrate } from 'preact';
import type { PageData } from '../model/snapshot.ts';
import { App } from './app.tsx';

const root = document.getElementById('root');
const data = document.getElementById('data')?.textContent;
// Written by the same build that reads it here.
if (root && data) hydrate(<App initial={JSON.parse(data) as PageData} />, root);
