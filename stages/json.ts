/** JSON text that JSON.stringify writes as it stands: a number with more digits than a double holds. */
export interface RawJson {
  readonly rawJSON: string
}

/** What a stage may return. */
export type Json =
  | null
  | boolean
  | number
  | string
  | RawJson
  | { readonly toJSON: () => RawJson }
  | readonly Json[]
  | { readonly [field: string]: Json }

/**
 * Wraps the JSON text of one number, string, boolean or null.
 * Source: TC39's "JSON.parse source text access", which Node has and TypeScript's own types do not have yet.
 */
export const rawJson = (JSON as unknown as { readonly rawJSON: (text: string) => RawJson }).rawJSON
