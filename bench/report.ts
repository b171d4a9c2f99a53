/** What one round measured, by the keys of the columns. What is not a column is only in the JSON. */
export type Figures = Readonly<Record<string, number>>

export interface Column {
  readonly key: string
  /** With its unit: "CPU us, stages". */
  readonly title: string
  /** Behind the point; 0 when left out. */
  readonly digits?: number
}

/** One thing that was measured, as often as there were rounds. */
export interface Case {
  readonly name: string
  readonly about: string
  readonly rounds: readonly Figures[]
}

export interface PartReport {
  readonly part: string
  /** What is measured, and how, in sentences. */
  readonly about: string
  readonly columns: readonly Column[]
  readonly cases: readonly Case[]
  /** What the table does not say. */
  readonly notes: readonly string[]
  /** What could not be measured, and why. */
  readonly problems: readonly string[]
  /** Made of what other parts have measured: no command makes it by itself. */
  readonly isDerived?: true
}

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGib: number
  readonly system: string
  readonly versions: Readonly<Record<string, string>>
}

/** How busy the machine is with whatever else runs on it. */
export interface Rest {
  /** Over 1, 5 and 15 minutes. */
  readonly load: readonly number[]
  /** Share of all cores over three seconds in which the bench did nothing, 0 to 1. */
  readonly busy: number
}

export interface BenchReport {
  /** ISO 8601. */
  readonly startedAt: string
  readonly minutes: number
  readonly commit: string
  /** What was typed. */
  readonly command: string
  readonly machine: Machine
  readonly before: Rest
  readonly after: Rest
  readonly parts: readonly PartReport[]
}
