/** `text` as a dollar-quoted SQL string, whatever it contains. */
export function dollarQuoted(text: string): string {
  let tag = '$$'
  for (let number = 1; text.includes(tag); number += 1) tag = `$tenantry${number}$`
  return `${tag}${text}${tag}`
}
