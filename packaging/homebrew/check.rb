# Checks a formula as far as it can be without Homebrew: ruby packaging/homebrew/check.rb FORMULA
# A class that takes the place of Homebrew's collects what the formula says; it is printed as JSON. Loading it finds what is no
# Ruby, and what is none of the words that are used here.
require "json"

class Formula
  SAID = Hash.new { |said, word| said[word] = [] }
  class << self
    %i[desc homepage url sha256 license].each { |word| define_method(word) { |value| SAID[word] << value } }
    # With what it is needed for, that is a hash.
    %i[depends_on uses_from_macos].each do |word|
      define_method(word) { |value| SAID[word] << (value.is_a?(Hash) ? value.keys.first : value) }
    end

    def test(&block)
      SAID[:test] << block.arity
    end
  end
end

formula = File.expand_path(ARGV.fetch(0))
load formula
abort "check: no class Trapline in #{formula}" unless defined?(Trapline) && Trapline < Formula
abort "check: Trapline has no method install" unless Trapline.method_defined?(:install, false)
puts JSON.generate(Formula::SAID)
