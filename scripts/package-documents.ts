import { cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Pages about a checkout alone. */
const NOT_SHIPPED = ['contributing.md', 'package.md'];
/** What the documents name that is no page. */
const SHIPPED_FOLDERS = ['deploy/grafana', 'deploy/prometheus'];

const LINK = /(?<image>!?)\[(?<text>[^\]]*)\]\((?<target>[^)\s]+)\)/g;

/**
 * Copies the documents into the tree of the package. docs/package.md is its README; a link to a file
 * that the package does not have becomes its text, and a picture is left out.
 */
export function addDocuments(root: string, tree: string): void {
  for (const folder of SHIPPED_FOLDERS) {
    cpSync(path.join(root, folder), path.join(tree, folder), { recursive: true });
  }
  mkdirSync(path.join(tree, 'docs'), { recursive: true });
  const pages = globSync('docs/*.md', { cwd: root }).filter(
    (page) => !NOT_SHIPPED.includes(path.basename(page)),
  );
  const texts = new Map(pages.map((page) => [page, readFileSync(path.join(root, page), 'utf8')]));
  const readme = readFileSync(path.join(root, 'docs/package.md'), 'utf8');
  texts.set('README.md', readme.replaceAll(LINK, rebased));
  const exists = (file: string) => texts.has(file) || existsSync(path.join(tree, file));
  for (const [page, text] of texts) {
    const shipped = text.replaceAll(LINK, (link, image: string, name: string, target: string) => {
      if (isElsewhere(target)) return link;
      const [file = ''] = target.split('#');
      // In the package the page about it is the README.
      const meant = path.posix.join(path.posix.dirname(page), file);
      if (meant === 'docs/package.md') return `[${name}](../README.md)`;
      if (exists(meant)) return link;
      return image === '' ? name : '';
    });
    writeFileSync(path.join(tree, page), shipped);
  }
}

const isElsewhere = (target: string) => /^(?:[a-z]+:|#)/.test(target);

/** A link of a page in docs/, as it is from the folder above. */
const rebased = (link: string, image: string, name: string, target: string) =>
  isElsewhere(target) ? link : `${image}[${name}](${path.posix.join('docs', target)})`;
