/** `text` as a dollar-quoted SQL string, whatever it contains. */
export function dollarQuoted(text: string): string {
  let tag = '$$'
  // A dollar at the end of the text begins a tag that is found one character too early.
  for (let number = 1; `${text}${tag}`.indexOf(tag) !== text.length; number += 1) tag = `$tenantry${number}$`
  return `${tag}${text}${tag}`
}
