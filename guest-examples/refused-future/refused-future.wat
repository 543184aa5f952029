;; `refused-future`: a function that would return a future.
(component
  (type $number (future u32))
  (core module $code
    (func (export "number") (result i32) (unreachable)))
  (core instance $code (instantiate $code))
  (func (export "number") (result $number) (canon lift (core func $code "number"))))
