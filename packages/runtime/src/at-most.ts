/**
 * The bound of an `LRUCache` that takes memory for the entries that it has. With the option `max` a cache allocates its lists for all
 * entries when it is made: 1 MB for 20,000, whether they ever come or not.
 *
 * @param most entries; the one that was not used for the longest time makes room.
 */
export const atMost = (most: number) => ({ maxSize: most, sizeCalculation: () => 1 });
