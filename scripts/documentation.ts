import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { repositoryRoot } from './workspace-folders.mjs'

/** Where errors are explained: one heading a code. */
export const errorsPage = 'docs/errors.md'

/**
 * What is wrong with the documentation, in sentences that name the file.
 *
 * @param errorCodes Every code that an error can carry.
 */
export function findDocumentationProblems(errorCodes: readonly string[], root = repositoryRoot): string[] {
  const pages = globSync('**/*.md', { cwd: root, exclude: ['**/node_modules/**', '**/dist/**'] })
  return [
    ...errorCodeProblems(errorCodes, root),
    ...pages.flatMap((page) => [...linkProblems(page, root), ...pathProblems(page, root)]),
  ]
}

function errorCodeProblems(errorCodes: readonly string[], root: string): string[] {
  const headed = existsSync(join(root, errorsPage))
    ? headings(readFileSync(join(root, errorsPage), 'utf8')).map((heading) => heading.replaceAll('`', ''))
    : []
  const undocumented = errorCodes.filter((code) => !headed.includes(code))
  const unknown = headed.filter(
    (heading) => /^[A-Z]+(_[A-Z]+)+$/.test(heading) && !errorCodes.includes(heading),
  )
  return [
    ...undocumented.map((code) => `${errorsPage}: the error code ${code} has no heading.`),
    ...unknown.map((code) => `${errorsPage}: no error has the code ${code}.`),
  ]
}

function linkProblems(page: string, root: string): string[] {
  return links(readFileSync(join(root, page), 'utf8')).flatMap((link) => {
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? join(root, page) : join(root, dirname(page), decodeURIComponent(path))
    if (!existsSync(target)) return [`${page}: ${link} leads nowhere.`]
    if (anchor === undefined || !target.endsWith('.md')) return []
    return anchors(readFileSync(target, 'utf8')).includes(anchor)
      ? []
      : [`${page}: ${link} names no heading there.`]
  })
}

function pathProblems(page: string, root: string): string[] {
  const found =
    readFileSync(join(root, page), 'utf8').match(/(?<![\w.:/])\/(?:home|root|Users|srv)\/\S+/g) ?? []
  return found.map((path) => `${page}: ${path} is a path of one machine.`)
}

/** The links of a page that stay inside the repository, as they are written. */
function links(markdown: string): string[] {
  const text = withoutCode(markdown)
  const inline = [...text.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)]
  const references = [...text.matchAll(/^\[[^\]]+\]:\s+<?([^\s>]+)>?/gm)]
  return [...inline, ...references]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
}

function headings(markdown: string): string[] {
  const text = markdown.replaceAll(codeBlocks, '')
  return [...text.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].map(([, heading = '']) => heading)
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(markdown: string): string[] {
  const seen = new Map<string, number>()
  return headings(markdown).map((heading) => {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-')
    const count = seen.get(anchor) ?? 0
    seen.set(anchor, count + 1)
    return count === 0 ? anchor : `${anchor}-${count}`
  })
}

const codeBlocks = /^ *(`{3,}|~{3,}).*?^ *\1[`~]*$/gms

function withoutCode(markdown: string): string {
  return markdown.replaceAll(codeBlocks, '').replaceAll(/`[^`\n]*`/g, '')
}
