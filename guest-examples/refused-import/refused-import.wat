;; `refused-import`: calls a function that no host has.
(component
  (import "test:unknown/host" (instance $host
    (export "call" (func (param "x" u32) (result u32)))))
  (core func $call (canon lower (func $host "call")))
  (core module $code
    (import "host" "call" (func $call (param i32) (result i32)))
    (export "run" (func $call)))
  (core instance $code
    (instantiate $code (with "host" (instance (export "call" (func $call))))))
  (func (export "run") (param "x" u32) (result u32) (canon lift (core func $code "run"))))
