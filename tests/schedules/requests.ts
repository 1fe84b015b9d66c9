import type { Actor, Choice } from './border.ts';
import { type HeldDatabase, holdDatabase, type World } from './held-database.ts';

/** Makes the choice that a person sends a request to the API. What the API answers is not looked at. */
export type Asked = (
  what: string,
  weight: number,
  act: (deps: { database: HeldDatabase }, api: Actor) => Promise<unknown>,
) => Choice;

export function requests(world: World): Asked {
  return (what, weight, act) => {
    const actor = { name: 'the API', alive: true, frozen: false };
    const happen = () => {
      const database = holdDatabase(world, { actor, task: what });
      void act({ database }, actor).catch(() => undefined);
    };
    return { label: `a person: ${what}`, weight: weight * world.mood.people, happen };
  };
}
