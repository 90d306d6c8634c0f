// The layers of the network `pocket`: what torch computes, in plain JavaScript.

// The numbers of pocket.bin: Uint16Array of float16 -> Float32Array.
export function fromHalf(halves) {
  return Float32Array.from(halves, (half) => {
    const [sign, exponent, fraction] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
    if (exponent === 0) return sign * 2 ** -24 * fraction;
    return sign * 2 ** (exponent - 25) * (1024 + fraction);
  });
}

// A square convolution with zero padding, then ReLU.
export function convolve({ data, channels, side }, { weight, bias, outputs, kernel, stride }) {
  const padding = kernel >> 1;
  const wide = side + 2 * padding;
  const padded = new Float32Array(channels * wide * wide);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < side; y++) {
      const row = data.subarray((c * side + y) * side, (c * side + y + 1) * side);
      padded.set(row, (c * wide + y + padding) * wide + padding);
    }
  const size = Math.ceil(side / stride);
  const out = new Float32Array(outputs * size * size);
  const fast = kernel === 3; // all rows and all nine weights in one loop: half the time
  const row = fast ? wide : size; // the sums that straddle two rows are dropped
  const sums = new Float32Array((size - 1) * row + size);
  for (let o = 0; o < outputs; o++) {
    sums.fill(bias[o]);
    for (let c = 0; c < channels; c++) {
      if (fast) {
        const at = (o * channels + c) * 9;
        const a = weight[at], b = weight[at + 1], d = weight[at + 2];
        const e = weight[at + 3], f = weight[at + 4], g = weight[at + 5];
        const h = weight[at + 6], i = weight[at + 7], j = weight[at + 8];
        let top = c * wide * wide;
        let middle = top + wide;
        let foot = middle + wide;
        for (let to = 0; to < sums.length; to++, top += stride, middle += stride, foot += stride)
          sums[to] +=
            a * padded[top] + b * padded[top + 1] + d * padded[top + 2] +
            e * padded[middle] + f * padded[middle + 1] + g * padded[middle + 2] +
            h * padded[foot] + i * padded[foot + 1] + j * padded[foot + 2];
        continue;
      }
      for (let ky = 0; ky < kernel; ky++) {
        const at = ((o * channels + c) * kernel + ky) * kernel;
        for (let kx = 0; kx < kernel; kx++) {
          const w = weight[at + kx];
          let from = (c * wide + ky) * wide + kx;
          for (let y = 0; y < size; y++, from += stride * (wide - size))
            for (let x = 0; x < size; x++, from += stride) sums[y * size + x] += w * padded[from];
        }
      }
    }
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) out[(o * size + y) * size + x] = Math.max(0, sums[y * row + x]);
  }
  return { data: out, channels: outputs, side: size };
}

export function classify(features, { weight, bias, inputs }) {
  return Array.from(bias, (start, digit) => {
    let sum = start;
    for (let i = 0; i < inputs; i++) sum += weight[digit * inputs + i] * features[i];
    return sum;
  });
}

export function softmax(values) {
  const highest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - highest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}
