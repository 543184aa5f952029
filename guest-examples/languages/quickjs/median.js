// median.js NUMBERS: the median of the numbers in its argument.
const numbers = scriptArgs[1].split(" ").map(Number).sort((a, b) => a - b);
const half = numbers.length / 2;
console.log((numbers[Math.ceil(half) - 1] + numbers[Math.floor(half)]) / 2);
