// The component `greet`; what it prints besides is shown as such.
export function greet(name) {
    console.log(`greeting ${name}`);
    return `Hello, ${name}!`;
}
