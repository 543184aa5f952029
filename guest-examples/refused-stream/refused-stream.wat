;; `refused-stream`: a function that would return a stream.
(component
  (type $numbers (stream u32))
  (core module $code
    (func (export "numbers") (result i32) (unreachable)))
  (core instance $code (instantiate $code))
  (func (export "numbers") (result $numbers) (canon lift (core func $code "numbers"))))
