import { defineConfig } from 'tsup'

/**
 * How every package is built: ESM and CommonJS, each with its declarations.
 *
 * @param entry The built file's name to the source it starts from, as in the `exports` of the package.json.
 */
export function tsupConfig(entry: Record<string, string>): ReturnType<typeof defineConfig> {
  return defineConfig({
    entry,
    format: ['esm', 'cjs'],
    target: 'node20',
    // Without the `@tenantry/source` condition: declarations refer to other packages, and never contain them.
    tsconfig: '../../tsconfig.build.json',
    dts: true,
    // Line numbers for stack traces, without a second copy of the sources.
    sourcemap: true,
    esbuildOptions: (options) => {
      options.sourcesContent = false
    },
    // Entries share what they have in common: an error of one is `instanceof` the class that another exports.
    splitting: true,
    // Without it, tsup makes split CommonJS with sucrase, which turns every `?.` into a slow call.
    treeshake: true,
    removeNodeProtocol: false,
    clean: true,
    // What is a dependency or a peer stays outside by itself, and these even where a package.json forgot them.
    external: [/^@tenantry\//, /^pg($|\/)/, /^postgres($|\/)/],
  })
}
