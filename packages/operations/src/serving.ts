// The part that API and worker use for payments, in an entry of its own: a worker that loaded all that an operator can do would have 2 MB
// for nothing (docs/performance-notes.md).
export { openAdapterDeps, type SharedAdapterDeps } from './connections/adapter-deps.ts';
export { clientModeRule } from './connections/client-mode.ts';
export { keepLists, nameLists } from './connections/keep-lists.ts';
export { pruneTokens } from './tokens/prune-tokens.ts';
