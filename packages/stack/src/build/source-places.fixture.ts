export const places = { url: import.meta.url, dirname: import.meta.dirname, filename: import.meta.filename };
