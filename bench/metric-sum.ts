/** The sum of all series of a metric on a page for Prometheus, or of those with a label; 0 when it has none. */
export function metricSum(page: string, name: string, label = ''): number {
  return page
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(label))
    .reduce((sum, line) => sum + valueOf(line), 0)
}

/** What stands behind the name and its labels, before a timestamp if there is one. */
function valueOf(line: string): number {
  const behind = line.includes('}') ? line.slice(line.lastIndexOf('}') + 1) : line.slice(line.indexOf(' '))
  return Number(behind.trim().split(' ')[0])
}
