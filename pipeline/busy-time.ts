/** How long a process has had work, however many batches were in work side by side. */
export interface BusyTime {
  begin(): void
  end(): void
  /** Seconds since it was asked last. */
  take(): number
}

/** @param clock milliseconds that only go forward */
export function createBusyTime(clock: () => number = () => performance.now()): BusyTime {
  let batches = 0
  let since = 0
  let milliseconds = 0
  const settle = () => {
    const time = clock()
    if (batches > 0) milliseconds += time - since
    since = time
  }
  return {
    begin() {
      settle()
      batches += 1
    },
    end() {
      settle()
      batches -= 1
    },
    take() {
      settle()
      const seconds = milliseconds / 1000
      milliseconds = 0
      return seconds
    },
  }
}
