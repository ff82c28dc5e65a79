import path from 'node:path';
import { fileURLToPath } from 'node:url';
import chromium, { inflate } from '@sparticuz/chromium';

// Unpacks the browser, its fonts and the libraries it links with into TMPDIR. The package chooses
// that folder itself, so this runs as a process with a TMPDIR of its own.

const packed = path.resolve(fileURLToPath(import.meta.resolve('@sparticuz/chromium')), '../../bin');
await chromium.executablePath();
await inflate(path.join(packed, 'al2023.tar.br'));
