/** Builds by the builder itself: images that run, their configuration and history, what is run and what is not. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestBuilder } from '../support/build.ts';

let builder: TestBuilder;
before(async () => {
  builder = await TestBuilder.start();
});
after(() => builder.close());

test('an image of files and commands is built, and runs', async () => {
  builder.write('hello.txt', 'hello from a file\n');
  const { result, output } = await builder.build(`
FROM busybox
WORKDIR /app
COPY hello.txt .
ENV GREETING=hi
RUN echo "$GREETING there" > said && cat said
CMD ["cat", "/app/hello.txt", "/app/said"]
`);
  assert.match(result.imageId ?? '', /^sha256:[0-9a-f]{64}$/);
  assert.equal(output.includes('hi there\n'), true, output);
  assert.equal(await builder.run([]), 'hello from a file\nhi there\n');
});
