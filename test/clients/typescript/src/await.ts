// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

import { setTimeout } from 'node:timers/promises';

/** Asks until there is an answer; the time limit of the test ends it otherwise. */
export async function eventually<T>(signal: AbortSignal, ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) {
      return answer;
    }
    await setTimeout(50, undefined, { signal });
  }
}
