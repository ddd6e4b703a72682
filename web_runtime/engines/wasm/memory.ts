// Where the arena's values lie: each has its bytes for as long as it is needed, and bytes are used again after that.

export interface Block {
  bytes: number;
  /** First and last step that touch it. */
  from: number;
  to: number;
  /** Set by `place`. */
  offset: number;
}

/** Blocks start at multiples of this: a cache line, and more than any vector asks for. */
export const alignment = 64;

export const aligned = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

/**
 * Gives every block its offset and returns the bytes that all need. The largest go first, each into the smallest gap among
 * those placed before that are needed at the same time.
 */
export function place(blocks: readonly Block[]): number {
  const order = blocks.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes || a.from - b.from);
  const placed: Block[] = [];
  let end = 0;
  for (const block of order) {
    block.offset = gapFor(block, placed);
    insert(placed, block);
    end = Math.max(end, block.offset + aligned(block.bytes));
  }
  return end;
}

/** `placed` is in order of offsets. */
function gapFor({ bytes, from, to }: Block, placed: readonly Block[]): number {
  let best = -1;
  let smallest = Number.POSITIVE_INFINITY;
  let free = 0;
  for (const other of placed) {
    if (other.to < from || to < other.from) continue;
    const gap = other.offset - free;
    if (gap >= bytes && gap < smallest) [best, smallest] = [free, gap];
    free = Math.max(free, other.offset + aligned(other.bytes));
  }
  return best >= 0 ? best : free;
}

function insert(placed: Block[], block: Block): void {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((placed[middle] as Block).offset < block.offset) low = middle + 1;
    else high = middle;
  }
  placed.splice(low, 0, block);
}
