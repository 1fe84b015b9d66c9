import { expect } from 'vitest';
import { quiet, type Rule } from '../rule.ts';

const NOBODY_HAS = 'No Such Name 0x7f';

export const nameRules: readonly Rule[] = [
  {
    name: 'names: list has every method and location of the practice',
    async run({ emr: { practice, anyName }, open }) {
      const lists = await open().list(quiet());
      if (lists.outcome !== 'listed') throw new Error(lists.detail);
      const methods = lists.methods.map(({ id, name }) => ({ id, name }));
      if (!anyName.method) for (const { code } of practice.methods) expect(methods).toContainEqual(code);
      const places = lists.locations.map(({ id, name }) => ({ id, name }));
      if (!anyName.location) for (const { code } of practice.locations) expect(places).toContainEqual(code);
    },
  },
  {
    name: 'names: resolve takes the names that people give',
    async run({ emr: { practice }, open }) {
      const adapter = open();
      for (const method of practice.methods) {
        for (const location of practice.locations) {
          const names = { paymentMethod: method.given, location: location.given };
          expect(await adapter.resolve(names, quiet())).toEqual({
            outcome: 'resolved',
            method: method.code,
            location: location.code,
          });
        }
      }
    },
  },
  {
    name: 'names: an unknown method is refused, with the methods that there are',
    concerns: ({ anyName }) => !anyName.method,
    async run({ emr: { practice }, open }) {
      const [location] = practice.locations;
      const names = { paymentMethod: NOBODY_HAS, location: location.given };
      const result = await open().resolve(names, quiet());
      expect(result).toMatchObject({ outcome: 'refused', code: 'unknown_payment_method' });
      for (const { code } of practice.methods)
        expect(result).toHaveProperty('reason', expect.stringContaining(code.name));
    },
  },
  {
    name: 'names: an unknown location is refused, with the locations that there are',
    concerns: ({ anyName }) => !anyName.location,
    async run({ emr: { practice }, open }) {
      const [method] = practice.methods;
      const names = { paymentMethod: method.given, location: NOBODY_HAS };
      const result = await open().resolve(names, quiet());
      expect(result).toMatchObject({ outcome: 'refused', code: 'unknown_location' });
      for (const { code } of practice.locations)
        expect(result).toHaveProperty('reason', expect.stringContaining(code.name));
    },
  },
];
