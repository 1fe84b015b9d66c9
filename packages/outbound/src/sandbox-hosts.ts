import { BlockList, isIP } from 'node:net';

/** The hosts of sandboxes: connections of test clients go there and nowhere else, those of live clients never. */
export type SandboxHosts = {
  /** The entries as they were given. */
  readonly entries: readonly string[];
  /** True for a URL whose host is one of them, at its port. A name is compared as a name: it is not resolved. */
  has(url: string): boolean;
};

const ENTRY = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^[\]:]+))(?::(?<port>\d{1,5}))?$/;
const NAME = /^[a-z0-9_.-]+$/;

type Entry = { port: string | null } & ({ name: string } | { block: BlockList });

const familyOf = (address: string): 'ipv4' | 'ipv6' | null => {
  const version = isIP(address);
  return version === 0 ? null : version === 4 ? 'ipv4' : 'ipv6';
};

/** Reads an address or a CIDR block; null for anything else. */
function blockOf(text: string): BlockList | null {
  const [address = '', bits, ...rest] = text.split('/');
  const family = familyOf(address);
  if (family === null || rest.length > 0) return null;
  const block = new BlockList();
  if (bits === undefined) {
    block.addAddress(address, family);
    return block;
  }
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > (family === 'ipv4' ? 32 : 128)) return null;
  block.addSubnet(address, Number(bits), family);
  return block;
}

function entryOf(text: string, variable: string): Entry {
  const bare = blockOf(text);
  if (bare !== null) return { block: bare, port: null };
  const { bracketed, plain, port } = ENTRY.exec(text)?.groups ?? {};
  const host = bracketed ?? plain;
  if (host !== undefined && (port === undefined || (Number(port) > 0 && Number(port) < 65_536))) {
    const at = port === undefined ? null : String(Number(port));
    const block = blockOf(host);
    if (block !== null) return { block, port: at };
    const name = host.toLowerCase();
    if (bracketed === undefined && NAME.test(name) && URL.parse(`http://${name}/`)?.hostname === name)
      return { name, port: at };
  }
  throw new TypeError(`${variable}: '${text}' is not a host or CIDR block, with an optional :port`);
}

const USUAL_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/**
 * Reads the list of sandboxes: hosts (`emr.sandbox.example`), addresses and CIDR blocks, separated by commas, each with an optional
 * `:port`, as in WEBHOOK_ALLOW_HOSTS. An empty list: there is no sandbox.
 *
 * @param variable the variable that the list is from; another list of hosts is written in the same way.
 * @throws TypeError naming the first entry that cannot be read.
 */
export function parseSandboxHosts(text: string, variable = 'SANDBOX_HOSTS'): SandboxHosts {
  const texts = text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
  const entries = texts.map((each) => entryOf(each, variable));
  return {
    entries: texts,
    has(url) {
      const parsed = URL.parse(url);
      if (parsed === null) return false;
      // The name with its full stop at the end is the same host.
      const host = parsed.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
      const port = parsed.port === '' ? USUAL_PORTS[parsed.protocol] : parsed.port;
      const family = familyOf(host);
      return entries.some((entry) => {
        if (entry.port !== null && entry.port !== port) return false;
        if ('name' in entry) return entry.name === host;
        return family !== null && entry.block.check(host, family);
      });
    },
  };
}
